// `node reader.js DIRECTORY RESOURCE…`: reads the lock files of these resources, as any program might, until standard
// input ends; then prints how many reads found one, and what was wrong with some.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , directory, ...resources] = process.argv;
const problems = [];
/** The greatest token that was read, for each resource. */
const greatest = new Map();
let found = 0;
let missing = 0;

process.stdin.resume().on('end', () => {
  process.stdout.write(JSON.stringify({ found, missing, problems: problems.slice(0, 20) }));
  process.exit();
});

function look() {
  for (let count = 0; count < 50; count += 1) read(resources[Math.floor(Math.random() * resources.length)]);
  setImmediate(look);
}

/** Milliseconds: a freed slot rests 250 before it is written again. A reader that was kept waiting for longer proves nothing. */
const QUICK_MS = 200;

function read(resource) {
  let text;
  const started = performance.now();
  try {
    text = readFileSync(join(directory, `${resource}.lock`), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') missing += 1;
    else problems.push(String(error));
    return;
  }
  if (performance.now() - started > QUICK_MS) return;
  found += 1;
  const problem = problemOf(resource, text);
  if (problem !== undefined) problems.push(`${resource}: ${problem} in ${text}`);
}

/** The clients of a resource are `RESOURCE-client-NUMBER`, and the note of each is its name many times over. */
function problemOf(resource, text) {
  let content;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return String(error);
  }
  if (content.resource !== resource) return 'another resource';
  if (content.held !== 1 || content.holders.length !== 1) return 'not one holder';
  const [{ client, token, note }] = content.holders;
  const [, number] = /^(?:.*)-client-(\d+)$/.exec(client) ?? [];
  if (client !== `${resource}-client-${number}`) return 'a holder that cannot be';
  if (note !== `${client} `.repeat(Number(number) + 1).trim()) return 'the note of another hold';
  if (Number(token) < (greatest.get(resource) ?? 0)) return `token ${token} behind ${greatest.get(resource)}`;
  greatest.set(resource, Number(token));
  return undefined;
}

look();
