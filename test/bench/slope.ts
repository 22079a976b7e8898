/** The straight line through points that is nearest to them, by least squares. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** By how much it rises for each 1 of x. NaN where there are fewer than two different x. */
export function slope(points: readonly Point[]): number {
  const mean = (figure: (point: Point) => number) =>
    points.reduce((sum, point) => sum + figure(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const spread = mean((point) => (point.x - x) ** 2);
  return spread > 0 ? mean((point) => (point.x - x) * (point.y - y)) / spread : Number.NaN;
}
