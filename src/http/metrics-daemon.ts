/** The figures of a daemon: what is counted where, under which name. No label has a name that a caller chose. */
import { performance } from 'node:perf_hooks';
import type { Lockd } from '../service/lockd.js';
import { VERSION } from '../service/version.js';
import type { ClusterMember } from './leader.js';
import type { Figure } from './metrics.js';
import { counter, counters, gauge, histogram, histograms } from './metrics-figures.js';
import type { HttpMeters } from './metrics-http.js';
import type { LoopDelay } from './metrics-loop.js';
import { processFigures } from './metrics-process.js';
import type { HttpServer } from './server.js';

export interface Measured {
  readonly lockd: Pick<Lockd, 'meters' | 'limits' | 'gauges' | 'health' | 'readiness'>;
  /** A member of a cluster; absent: it is alone. */
  readonly member?: ClusterMember;
  readonly loop: LoopDelay;
  readonly http: HttpMeters;
  /** What is open at this moment, and how much is allowed. */
  readonly server: () => Pick<HttpServer, 'connections' | 'maxConnections'>;
}

export function daemonFigures(measured: Measured): Figure[] {
  return [
    ...lockFigures(measured),
    ...workFigures(measured),
    ...connectionFigures(measured),
    ...conditionFigures(measured),
    ...processFigures(),
  ];
}

/** What the locks do. */
function lockFigures({ lockd }: Measured): Figure[] {
  const { meters } = lockd;
  return [
    gauge(
      'lockd_held',
      'Holds, with the lost ones that still take a slot of their resource.',
      () => lockd.gauges().held,
    ),
    gauge('lockd_held_limit', 'Holds that are allowed at once (--max-locks).', () => lockd.limits.locks),
    gauge('lockd_waiting', 'Places in all lines.', () => lockd.gauges().waiting),
    gauge('lockd_fencing', 'Lost holds that are not fenced yet.', () => lockd.gauges().fencing),
    counter('lockd_grants_total', 'Locks that were granted.', () => meters.grants),
    counter('lockd_unlocks_total', 'Locks that were given back.', () => meters.unlocks),
    counters(
      'lockd_lost_total',
      'Holds that ended against the will of their holders, by the reason.',
      'reason',
      meters.lost,
    ),
    counter(
      'lockd_adoptions_total',
      'Lock files of other programs that became locks.',
      () => meters.adoptions,
    ),
    counters('lockd_refusals_total', 'Calls that were refused, by the name.', 'refusal', meters.refusals),
    histogram(
      'lockd_wait_seconds',
      'From the reading of a request, or from its place in the line, until its lock was granted and saved.',
      meters.waitSeconds,
    ),
    histogram('lockd_hold_seconds', 'From a grant until it was unlocked or lost.', meters.holdSeconds),
    histograms(
      'lockd_fence_run_seconds',
      'Runs of fence commands, by how they ended.',
      'outcome',
      meters.fenceSeconds,
    ),
  ];
}

/** What the daemon does for them. */
function workFigures({ lockd, loop }: Measured): Figure[] {
  const { meters } = lockd;
  return [
    histogram('lockd_turn_commands', 'Commands that were decided in one turn.', meters.turnCommands),
    histogram('lockd_turn_changes', 'Changes that one turn saves by one flush.', meters.turnChanges),
    histogram(
      'lockd_flush_seconds',
      'Writing a turn to the journal and flushing it to the disk.',
      meters.flushSeconds,
    ),
    gauge(
      'lockd_journal_bytes',
      'All segments of the journal, which is the history too; of a cluster, all that it keeps in etcd.',
      () => lockd.gauges().journalBytes,
    ),
    counter(
      'lockd_maintenance_failures_total',
      "Times that the minute's comparison of lock files and locks failed.",
      () => meters.maintenanceFailures,
    ),
    histogram('lockd_event_loop_delay_seconds', 'How late the event loop looked at a timer.', loop.seconds),
    counter(
      'lockd_event_loop_active_seconds_total',
      'Time in which the event loop had something to do.',
      () => performance.eventLoopUtilization().active / 1_000,
    ),
  ];
}

function connectionFigures({ lockd, server, http }: Measured): Figure[] {
  return [
    gauge('lockd_connections', 'Open connections.', () => server().connections),
    gauge(
      'lockd_connections_limit',
      'Connections that are allowed at once (--max-connections, or what open files allow).',
      () => server().maxConnections,
    ),
    counters(
      'lockd_refused_requests_total',
      'Requests that were no calls, or whose senders may not come in, by the HTTP status.',
      'status',
      http.refused,
    ),
    gauge(
      'lockd_event_streams',
      'Open streams of events, of the web page and of others.',
      () => lockd.gauges().eventStreams,
    ),
    counter(
      'lockd_event_streams_cut_total',
      'Streams of events that were cut because their readers were too slow.',
      () => http.streamsCut,
    ),
  ];
}

function conditionFigures({ lockd, member }: Measured): Figure[] {
  return [
    gauge('lockd_leader', '1 on the member that leads its cluster, or where there is none; else 0.', () =>
      member?.leader.isUs === false ? 0 : 1,
    ),
    gauge('lockd_ready', '1 where locks can be had, as /readyz says; else 0.', () =>
      lockd.readiness().status === 'ready' ? 1 : 0,
    ),
    gauge(
      'lockd_problems',
      'What /healthz says is not as it should be.',
      () => lockd.health().problems.length,
    ),
    gauge('lockd_build_info', 'The version of lockd, and of Node.js.', () => 1, {
      version: VERSION,
      node: process.versions.node,
    }),
  ];
}
