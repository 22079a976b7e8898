/** The kinds of figures, each made from plain numbers. A counter's name ends in `_total`; units stand at the end, in full. */
import type { Sample } from 'prom-client/lib/registry.js';
import type { Histogram } from '../service/meters-histogram.js';
import type { Figure } from './metrics.js';

type Labels = Readonly<Record<string, string>>;

export function gauge(name: string, help: string, read: () => number, labels: Labels = {}): Figure {
  return { name, help, type: 'gauge', samples: () => [{ labels, value: read() }] };
}

export function counter(name: string, help: string, read: () => number): Figure {
  return { name, help, type: 'counter', samples: () => [{ value: read() }] };
}

/** A counter for each of a few names that are known beforehand. */
export function counters(
  name: string,
  help: string,
  label: string,
  counts: Readonly<Record<string, number>>,
): Figure {
  const samples = () => Object.entries(counts).map(([each, value]) => ({ labels: { [label]: each }, value }));
  return { name, help, type: 'counter', samples };
}

export function histogram(name: string, help: string, values: Histogram): Figure {
  return { name, help, type: 'histogram', samples: () => samplesOf(name, values, {}) };
}

/** A histogram for each of a few names that are known beforehand. */
export function histograms(
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, Histogram>>,
): Figure {
  const samples = () =>
    Object.entries(values).flatMap(([each, one]) => samplesOf(name, one, { [label]: each }));
  return { name, help, type: 'histogram', samples };
}

function samplesOf(name: string, values: Histogram, labels: Labels): Sample[] {
  const counts = values.cumulative();
  return [
    ...counts.map((value, index) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: values.bounds[index] ?? '+Inf' },
      value,
    })),
    { metricName: `${name}_sum`, labels, value: values.sum },
    { metricName: `${name}_count`, labels, value: counts.at(-1) ?? 0 },
  ];
}
