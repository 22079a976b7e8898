/** Reads `/metrics` as Prometheus does. */

/** Every sample by its name with its labels, as it is written: `lockd_lost_total{reason="forced"}`. */
export type Samples = ReadonlyMap<string, number>;

export async function metricsText(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const answer = await fetch(new URL('/metrics', url), { headers });
  if (answer.status !== 200) throw new Error(`status ${answer.status}: ${await answer.text()}`);
  return answer.text();
}

export function samplesIn(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

export async function scrape(url: string, headers?: Readonly<Record<string, string>>): Promise<Samples> {
  return samplesIn(await metricsText(url, headers));
}

/** What has changed, by how much. */
export function changed(before: Samples, after: Samples): Record<string, number> {
  const differences = [...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, difference]) => difference !== 0));
}
