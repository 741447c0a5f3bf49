import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What the server counts, in the form of Prometheus. Nothing here names a device, an address or a secret. */
export interface Metrics {
  /** One answered request; `reason` is a stable word of the audit log. */
  answered(path: string, reason: string, seconds: number): void;
  /** Something that somebody should look at. */
  alert(reason: string): void;
  /** The whole in the text format of Prometheus. */
  text(): Promise<string>;
}

/** Distinct reasons counted; whatever comes beyond is counted as `other`. All of them are our own words. */
const MOST_REASONS = 100;

export function createMetrics(isReady: () => boolean): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    ...{ name: 'vigil_requests_total', help: 'Answered requests by path and reason.', registers },
    labelNames: ['path', 'reason'] as const,
  });
  const duration = new Histogram({
    ...{ name: 'vigil_request_seconds', help: 'Time to an answer, by path.', registers },
    labelNames: ['path'] as const,
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  });
  const alerts = new Counter({
    ...{ name: 'vigil_alerts_total', help: 'What somebody should look at, by reason.', registers },
    labelNames: ['reason'] as const,
  });
  new Gauge({
    ...{ name: 'vigil_ready', help: '1 while keys and state can be used.', registers },
    collect() {
      this.set(isReady() ? 1 : 0);
    },
  });
  new Gauge({
    ...{ name: 'process_resident_memory_bytes', help: 'Memory of the process.', registers },
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  const reasons = new Set<string>();
  return {
    answered(path, reason, seconds) {
      if (reasons.size < MOST_REASONS) reasons.add(reason);
      requests.inc({ path, reason: reasons.has(reason) ? reason : 'other' });
      duration.observe({ path }, seconds);
    },
    alert: (reason) => alerts.inc({ reason }),
    text: () => registry.metrics(),
  };
}
