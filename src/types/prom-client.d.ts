/**
 * The part of the npm package `prom-client` that is used: the registry, which writes the text formats. The rest of it counts
 * in a costlier way than we do, and takes six times as long to load.
 */

declare module 'prom-client/lib/registry.js' {
  export interface Sample {
    readonly value: number;
    readonly labels?: Readonly<Record<string, string | number>>;
    /** Where it is not the metric's own, as for the buckets of a histogram. */
    readonly metricName?: string;
  }

  export interface Collected {
    readonly name: string;
    readonly help: string;
    readonly type: 'counter' | 'gauge' | 'histogram';
    readonly values: readonly Sample[];
  }

  export interface Metric {
    /** Of a counter, a registry for OpenMetrics takes the `_total` off for good: each needs objects of its own. */
    name: string;
    readonly type: Collected['type'];
    get(): Collected;
  }

  export default class Registry {
    static readonly PROMETHEUS_CONTENT_TYPE: string;
    static readonly OPENMETRICS_CONTENT_TYPE: string;
    constructor(contentType: string);
    readonly contentType: string;
    /** Throws where there is another one of this name. */
    registerMetric(metric: Metric): void;
    metrics(): Promise<string>;
  }
}
