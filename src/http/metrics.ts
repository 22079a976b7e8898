/**
 * `GET /metrics`: what is counted, in the text format of Prometheus, or in OpenMetrics for those who ask for it. What the
 * figures are is said elsewhere; here they are written.
 */
import Registry, { type Metric, type Sample } from 'prom-client/lib/registry.js';
import type { Page } from './visit.js';

/** A metric and how to read it. Reading it changes nothing, and costs the same however many locks there are. */
export interface Figure {
  readonly name: string;
  readonly help: string;
  readonly type: Metric['type'];
  readonly samples: () => readonly Sample[];
}

/** The page of these figures. Where there are users, each of them may read it. */
export function metricsPage(figures: readonly Figure[]): Page {
  const text = registryOf(figures, Registry.PROMETHEUS_CONTENT_TYPE);
  const openMetrics = registryOf(figures, Registry.OPENMETRICS_CONTENT_TYPE);
  return {
    show: async (visit) => {
      const registry = asksForOpenMetrics(visit.request.headers.accept) ? openMetrics : text;
      const body = await registry.metrics();
      visit.send({
        headers: [
          ...['Content-Type', registry.contentType],
          ...['Cache-Control', 'no-store'],
          ...['X-Content-Type-Options', 'nosniff'],
        ],
        body,
      });
    },
  };
}

function registryOf(figures: readonly Figure[], contentType: string): Registry {
  const registry = new Registry(contentType);
  for (const { name, help, type, samples } of figures) {
    registry.registerMetric({
      name,
      type,
      get() {
        return { name: this.name, help, type, values: samples() };
      },
    });
  }
  return registry;
}

const OPEN_METRICS = /(?:^|,)\s*application\/openmetrics-text\s*(;[^,]*)?(?:,|$)/i;

/** Prometheus names OpenMetrics first, with the text format behind it; who takes anything gets the text. */
export function asksForOpenMetrics(accept: string | undefined): boolean {
  const [match, parameters = ''] = OPEN_METRICS.exec(accept ?? '') ?? [];
  return match !== undefined && !/;\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)/i.test(parameters);
}
