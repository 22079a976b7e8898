/**
 * `npm run simulate -- --seeds N [--from S] [--json] [--story]` runs seeds one after another; a failing one tells its story.
 * `--cluster`: of members on etcd, not of daemons in a directory.
 * `--trouble NAME`, once or more: no other troubles, but these in every seed.
 * `--planted [NAME …]` hunts for planted bugs instead, with as many seeds for each.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCluster } from './cluster/run.js';
import { hunt } from './hunt.js';
import { run } from './run.js';
import { storyText } from './story.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string' },
    planted: { type: 'boolean', default: false },
    cluster: { type: 'boolean', default: false },
    trouble: { type: 'string', multiple: true, default: [] },
    from: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    story: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    'until-found': { type: 'boolean', default: false },
  },
});

if (values.planted) huntAll();
else await simulate();

function huntAll(): void {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  for (const found of hunt(root, Number(values.seeds ?? 1_000), positionals)) {
    const { name, seed, rules, seconds } = found;
    if (seed === undefined) process.exitCode = 1;
    const how = seed === undefined ? 'NOT NOTICED' : `seed ${seed}: ${rules.join(', ')}`;
    process.stdout.write(
      values.json ? `${JSON.stringify(found)}\n` : `${name}: ${how} (${seconds.toFixed(0)} s)\n`,
    );
  }
}

async function simulate(): Promise<void> {
  const from = Number(values.from);
  const count = Number(values.seeds ?? (values.planted ? 1_000 : 100));
  const began = performance.now();
  const failed: { readonly seed: number; readonly rules: readonly string[]; readonly first: string }[] = [];
  const totals = {
    calls: 0,
    events: 0,
    diskCalls: 0,
    etcdRequests: 0,
    starts: 0,
    terms: 0,
    simulatedHours: 0,
  };
  let done = 0;
  const options = { troubles: values.trouble };

  for (let seed = from; seed < from + count; seed += 1) {
    const result = await (values.cluster ? runCluster : run)(seed, options);
    done += 1;
    totals.calls += result.calls;
    totals.events += result.events;
    totals.diskCalls += result.diskCalls;
    totals.starts += result.starts;
    totals.terms += result.terms ?? 0;
    totals.etcdRequests += result.etcdRequests ?? 0;
    totals.simulatedHours += result.simulatedMs / 3_600_000;
    const { violations } = result;
    const [first] = violations;
    if (values.trace)
      process.stderr.write(`seed ${seed} ${first ? `FAILED ${first.rule}: ${first.text}` : 'ok'}\n`);
    if (first) {
      failed.push({
        seed,
        rules: [...new Set(violations.map(({ rule }) => rule))],
        first: `${first.rule}: ${first.text}`,
      });
      if (!values.json) process.stdout.write(`${storyText(result)}\n`);
      if (values['until-found']) break;
    } else if (values.story) process.stdout.write(`${storyText(result)}\n`);
    if (!values.json && done % 100 === 0)
      process.stderr.write(`${done} of ${count} seeds, ${failed.length} failed\n`);
  }

  const seconds = (performance.now() - began) / 1_000;
  const summary = { seeds: done, from, failed, seconds, seedsPerSecond: done / seconds, ...totals };
  if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else {
    const { calls, events, diskCalls, etcdRequests, starts, terms, simulatedHours } = totals;
    const ofCluster = values.cluster ? `${terms} terms, ${etcdRequests} requests to etcd, ` : '';
    process.stdout.write(
      `${done} seeds from ${from}: ${failed.length} failed${failed.length > 0 ? ` (${failed.map(({ seed }) => seed).join(', ')})` : ''}. ` +
        `${calls} calls, ${starts} starts, ${ofCluster}${diskCalls} disk calls, ${events} events, ${simulatedHours.toFixed(1)} simulated hours ` +
        `in ${seconds.toFixed(1)} s (${summary.seedsPerSecond.toFixed(1)} seeds/s)\n`,
    );
  }
  process.exitCode = failed.length > 0 ? 1 : 0;
}
