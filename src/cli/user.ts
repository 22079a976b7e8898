/** `lockd user add`, `remove`, `list`: the users file of a daemon. They need no daemon; one that runs reads it on SIGHUP. */
import { ROLES } from '../access/role.js';
import { hashOf, newSecret } from '../access/secret.js';
import { ownNames, patternsProblem, type User, userNameProblem } from '../access/user.js';
import { UsersError } from '../access/users-error.js';
import { changeUsersFile, readUsersFile } from '../access/users-file.js';
import { defineCommand } from './command.js';
import { DONE } from './exit-status.js';
import { printable } from './printable.js';
import { anyNumberOf, optional } from './setting.js';
import { lockdCommand } from './shell.js';
import { tableLines } from './table.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { oneOf, text } from './values.js';

const FILE = { users: optional('FILE', 'the --users of the daemon (required)', text) };

const NAME = ['<name>', 'the user: letters, digits, dots, hyphens, underscores'] as const;

export const userAdd = defineCommand({
  name: 'user add',
  summary: 'let somebody in; prints the new secret, once',
  words: [NAME],
  settings: {
    ...FILE,
    role: optional(
      'ROLE',
      'viewer reads, client locks, operator may do everything (required)',
      oneOf(...ROLES),
    ),
    allow: anyNumberOf('PATTERN', 'resources that it may change something of (default: all)', text),
    clients: anyNumberOf('PATTERN', 'client names that it may use, beside NAME and NAME/*', text),
  },
  epilogue: `The secret stands alone on standard output:
  (umask 077; lockd user add ci --role client --allow 'deploy/*' --users users.json > ci.secret)
A daemon that runs learns of it by SIGHUP.`,
  run: async ({ subject: name, settings, terminal }) => {
    const { role, allow, clients } = settings;
    const file = usersFile(settings);
    if (role === undefined) throw new UsageError(`Say what '${name}' may do: --role ${ROLES.join(', or ')}`);
    const user: User = {
      name,
      role,
      ...(allow.length > 0 ? { allow } : {}),
      ...(clients.length > 0 ? { clients } : {}),
    };
    checkUser(user);
    const secret = newSecret();
    await changeUsersFile(file, (records) => {
      const old = records.find((record) => record.user.name === name);
      if (old) throw alreadyThere(old.user, file);
      return [...records, { user, secretHash: hashOf(secret) }];
    });
    terminal.answer({ json: { ...user, secret }, text: secret });
    if (!terminal.json) explain(user, file, terminal);
    return DONE;
  },
});

export const userRemove = defineCommand({
  name: 'user remove',
  summary: 'let somebody in no more; what it holds stays locked',
  words: [NAME],
  settings: FILE,
  run: async ({ subject: name, settings, terminal }) => {
    const file = usersFile(settings);
    // A file that is not there is none to be made.
    readUsersFile(file, 'any');
    await changeUsersFile(file, (records) => {
      const others = records.filter((record) => record.user.name !== name);
      if (others.length === records.length) throw nobody(name, file);
      return others;
    });
    terminal.answer({ json: { name }, aside: printable(`Removed user '${name}' from ${file}. ${RELOAD}`) });
    return DONE;
  },
});

export const userList = defineCommand({
  name: 'user list',
  summary: 'show who may do what',
  settings: FILE,
  run: async ({ settings, terminal }) => {
    const file = usersFile(settings);
    const users = readUsersFile(file, 'any').map((record) => record.user);
    terminal.answer(
      users.length === 0
        ? { json: users, aside: printable(`There are no users in ${file}: nobody may call`) }
        : { json: users, text: tableText(users, terminal) },
    );
    return DONE;
  },
});

const RELOAD = 'A daemon that runs reads the file again on SIGHUP';

function usersFile({ users }: { readonly users: string | undefined }): string {
  if (users === undefined) throw new UsageError('Say which users file: --users FILE, or LOCKD_USERS');
  return users;
}

function checkUser(user: User): void {
  const nameProblem = userNameProblem(user.name);
  if (nameProblem !== undefined)
    throw new UsageError(`The name of a user ${nameProblem}; it is '${user.name}'`);
  const problem = patternsProblem(user);
  if (problem !== undefined) throw new UsageError(`--${problem}`);
}

function alreadyThere({ name, role }: User, file: string): UsersError {
  const remove = lockdCommand('user', ['remove', name], ['--users', file]);
  return new UsersError(
    `User '${name}' (${role}) is there already. To give it a new secret or other rights, remove it first: ${remove}`,
  );
}

function nobody(name: string, file: string): UsersError {
  const list = lockdCommand('user', ['list'], ['--users', file]);
  return new UsersError(`There is no user '${name}' in ${file}; to see who is: ${list}`);
}

function explain(user: User, file: string, terminal: Terminal): void {
  const added = `Added user '${user.name}' to ${file}: ${rightsText(user)}`;
  terminal.aside(
    printable(`${added}. Its secret is shown this once: the file has only a hash of it. ${RELOAD}`),
  );
}

/** What a user may, in words. */
function rightsText(user: User): string {
  const { role, allow } = user;
  if (role === 'viewer') return 'it may read everything, and change nothing';
  const deeds = role === 'operator' ? 'lock, force, confirm and hand over' : 'lock';
  const where = allow ? allow.join(', ') : 'every resource, as there is no --allow';
  return `it may ${deeds} ${where}, under ${namesText(user)}, and read everything`;
}

function namesText(user: User): string {
  if (user.role === 'operator') return 'any client name';
  return `the client names ${[...ownNames(user), ...(user.clients ?? [])].join(', ')}`;
}

function tableText(users: readonly User[], terminal: Terminal): string {
  const rows = users.map((user) => {
    const { name, role, allow = ['*'], clients = [] } = user;
    if (role === 'viewer') return [name, role, '', ''];
    const names = role === 'operator' ? ['*'] : [...ownNames(user), ...clients];
    return [name, role, allow.join(', '), names.join(', ')];
  });
  return tableLines(
    [['NAME', 'ROLE', 'RESOURCES', 'CLIENT NAMES'], ...rows.map((row) => row.map(printable))],
    (cell, _column, row) => (row === 0 ? terminal.paint('bold', cell) : cell),
  ).join('\n');
}
