export class FaultyDisk {
    inner;
    /** Every call so far, also those that failed; empty it at will. */
    calls = [];
    #rules = [];
    #hooks = [];
    constructor(inner) {
        this.inner = inner;
    }
    /** Lets a coming call fail. Of several faults that apply, the first told strikes first. */
    failNext(op, fault) {
        const { after = 0, times = 1, shortBytes } = fault;
        this.#rules.push({ op, fault, passes: after, strikes: times, short: shortBytes });
    }
    /** Runs `action` once, just before the next such call reaches the disk. */
    before(op, action, path) {
        this.#hooks.push({ op, path, action });
    }
    /** Forgets all faults and hooks. */
    heal() {
        this.#rules = [];
        this.#hooks = [];
    }
    /** How many calls of this kind there were. */
    count(op, path) {
        return this.calls.filter((call) => call.op === op && (path?.test(call.path) ?? true)).length;
    }
    list(directory) {
        return this.#run('list', [directory], () => this.inner.list(directory));
    }
    async listLater(directory) {
        return this.#runLater('listLater', [directory], () => this.inner.listLater(directory));
    }
    stat(path) {
        return this.#run('stat', [path], () => this.inner.stat(path));
    }
    exists(path) {
        return this.#run('exists', [path], () => this.inner.exists(path));
    }
    makeDirectory(path) {
        this.#run('makeDirectory', [path], () => this.inner.makeDirectory(path));
    }
    removeDirectory(path) {
        this.#run('removeDirectory', [path], () => this.inner.removeDirectory(path));
    }
    create(path) {
        return this.#wrap(path, this.#run('create', [path], () => this.inner.create(path)));
    }
    open(path, access) {
        return this.#wrap(path, this.#run('open', [path], () => this.inner.open(path, access)));
    }
    link(from, to) {
        this.#run('link', [to, from], () => this.inner.link(from, to));
    }
    rename(from, to) {
        this.#run('rename', [to, from], () => this.inner.rename(from, to));
    }
    unlink(path) {
        this.#run('unlink', [path], () => this.inner.unlink(path));
    }
    async syncDirectory(directory) {
        return this.#runLater('syncDirectory', [directory], () => this.inner.syncDirectory(directory));
    }
    #wrap(path, file) {
        return {
            get inode() {
                return file.inode;
            },
            write: (bytes, position) => this.#write(path, file, bytes, position),
            read: (target, position) => this.#run('read', [path], () => file.read(target, position)),
            truncate: (length) => this.#run('truncate', [path], () => file.truncate(length)),
            sync: () => this.#runLater('sync', [path], () => file.sync()),
            close: () => this.#run('close', [path], () => file.close()),
        };
    }
    #write(path, file, bytes, position) {
        const rule = this.#enter('write', [path]);
        if (rule?.short !== undefined) {
            const taken = bytes.subarray(0, rule.short);
            rule.short = undefined;
            return taken.length === 0 ? 0 : file.write(taken, position);
        }
        return this.#finish(rule, path, () => file.write(bytes, position));
    }
    #run(op, paths, work) {
        return this.#finish(this.#enter(op, paths), paths[0] ?? '', work);
    }
    async #runLater(op, paths, work) {
        const rule = this.#enter(op, paths);
        const answer = rule && !rule.fault.done ? undefined : await work();
        return this.#finish(rule, paths[0] ?? '', () => answer);
    }
    /** Writes the call down and answers the fault that strikes it. */
    #enter(op, paths) {
        this.calls.push({ op, path: paths[0] ?? '' });
        const matches = (path) => !path || paths.some((one) => path.test(one));
        const hook = this.#hooks.find((one) => one.op === op && matches(one.path));
        if (hook) {
            this.#hooks = this.#hooks.filter((one) => one !== hook);
            hook.action();
        }
        for (const rule of this.#rules) {
            if (rule.op !== op || rule.strikes <= 0 || !matches(rule.fault.path))
                continue;
            if (rule.passes > 0) {
                rule.passes -= 1;
                continue;
            }
            return rule;
        }
        return undefined;
    }
    #finish(rule, path, work) {
        if (!rule)
            return work();
        rule.strikes -= 1;
        if (rule.fault.done)
            work();
        throw Object.assign(new Error(`${rule.fault.code}: made up, ${rule.op} '${path}'`), {
            code: rule.fault.code,
        });
    }
}
