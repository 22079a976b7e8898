/** Figures of the process, under the names that all programs use. None of them looks at every descriptor or object. */
import { performance } from 'node:perf_hooks';
import type { Figure } from './metrics.js';
import { counter, gauge } from './metrics-figures.js';

/** Microseconds in a second: the unit of `process.cpuUsage`. */
const MICROSECONDS = 1e6;

export function processFigures(): Figure[] {
  return [
    gauge(
      'process_start_time_seconds',
      'Start of the process, in seconds since 1970.',
      () => performance.timeOrigin / 1_000,
    ),
    counter('process_cpu_seconds_total', 'Processor time, of the program and of the system for it.', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS;
    }),
    gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss()),
    gauge(
      'nodejs_heap_size_used_bytes',
      'Used heap of JavaScript objects.',
      () => process.memoryUsage().heapUsed,
    ),
    gauge(
      'nodejs_external_memory_bytes',
      'Memory of buffers and other objects outside that heap.',
      () => process.memoryUsage().external,
    ),
  ];
}
