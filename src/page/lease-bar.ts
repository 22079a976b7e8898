/** The bars that run down. One timer moves them all; a bar that left the page is forgotten. */
import { element } from './dom.js';
import { leaseAt, leaseText, type ToldLease } from './lease.js';

/** Milliseconds between two looks, and where the user wants no motion. */
const STEP_MS = 250;
const CALM_STEP_MS = 1_000;

interface Bar {
  readonly lease: ToldLease;
  readonly whole: HTMLElement;
  readonly fill: HTMLElement;
  readonly text: HTMLElement;
}

const bars = new Set<Bar>();
let timer: ReturnType<typeof setInterval> | undefined;

/** A bar with the time left in words beside it. To be put into the page at once. */
export function leaseBar(lease: ToldLease): HTMLElement {
  const fill = element('span', { class: 'lease-fill' });
  const text = element('span', { class: 'lease-text' });
  const whole = element(
    'span',
    { class: 'lease' },
    element('span', { class: 'lease-bar', 'aria-hidden': 'true' }, fill),
    text,
  );
  const bar = { lease, whole, fill, text };
  show(bar, performance.now());
  bars.add(bar);
  timer ??= setInterval(
    step,
    matchMedia('(prefers-reduced-motion: reduce)').matches ? CALM_STEP_MS : STEP_MS,
  );
  return whole;
}

function step(): void {
  const now = performance.now();
  for (const bar of bars) {
    if (bar.whole.isConnected) show(bar, now);
    else bars.delete(bar);
  }
  if (bars.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function show({ lease, whole, fill, text }: Bar, now: number): void {
  const view = leaseAt(lease, now);
  fill.style.transform = `scaleX(${view.share.toFixed(4)})`;
  if (whole.dataset.level !== view.level) whole.dataset.level = view.level;
  const words = leaseText(view);
  if (text.textContent !== words) text.textContent = words;
}
