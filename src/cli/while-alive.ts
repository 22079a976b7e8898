/** Nothing else keeps the process from ending while it waits for an etcd that does not answer yet. */
export async function whileAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 60_000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
