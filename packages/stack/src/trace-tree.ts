import type { ReceivedSpan } from './trace-receiver.ts';

/**
 * A trace as text: a line for each span below the one it came from, with its service, when it began after the first, and how long it
 * took. What came by a message begins after its sender has ended.
 */
export function traceTree(spans: readonly ReceivedSpan[]): string {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const byStart = [...spans].sort((a, b) => a.startMs - b.startMs);
  const firstMs = byStart[0]?.startMs ?? 0;
  const lines: string[][] = [];
  const add = (span: ReceivedSpan, depth: number): void => {
    const links = span.links.length > 0 ? ` (${span.links.length} links)` : '';
    lines.push([
      `${'  '.repeat(depth)}${span.name}${links}`,
      span.service.replace(/^evergreen-/, ''),
      `+${(span.startMs - firstMs).toFixed(1)} ms`,
      `${(span.endMs - span.startMs).toFixed(1)} ms`,
      span.isFailed ? 'failed' : 'ok',
    ]);
    for (const child of byStart.filter(({ parentSpanId }) => parentSpanId === span.spanId)) add(child, depth + 1);
  };
  // What a span came from may not be recorded; it stands at the edge then, instead of nowhere.
  for (const root of byStart.filter(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId))) {
    add(root, 0);
  }
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(([name = '', service = '', start = '', duration = '', status = '']) =>
      [
        name.padEnd(widths[0] ?? 0),
        service.padEnd(widths[1] ?? 0),
        start.padStart(widths[2] ?? 0),
        duration.padStart(widths[3] ?? 0),
        status,
      ].join('  '),
    )
    .join('\n');
}
