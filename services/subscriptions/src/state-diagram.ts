import { readFileSync, writeFileSync } from 'node:fs';
import { LIFECYCLE, type Row } from './decisions/lifecycle.ts';

/** Draws the lifecycle from its table. Run as a program, it puts the drawing into the README; a test says when it is old. */

const README = new URL('../README.md', import.meta.url);
const DRAWING = /```mermaid\nstateDiagram-v2\n[^`]*```/;

/** The table as a Mermaid state diagram: one arrow for each pair of states, with every trigger that leads along it. */
export function stateDiagram(): string {
  const arrows = new Map<string, string[]>([
    ['[*] --> incomplete', ['subscribe']],
    ['[*] --> trialing', ['subscribe (with a trial)']],
  ]);
  for (const [trigger, rows] of Object.entries(LIFECYCLE)) {
    const along = Map.groupBy(rows as readonly Row[], ({ from, to }) => `${from} --> ${to}`);
    for (const [arrow, ways] of along) {
      const isAlways = ways.some(({ only }) => only === undefined);
      const phases = new Set(ways.flatMap(({ only = [] }) => only));
      const label = isAlways ? trigger : `${trigger} (${[...phases].join(' or ')})`;
      arrows.set(arrow, [...(arrows.get(arrow) ?? []), label]);
    }
  }
  const lines = [...arrows].map(([arrow, triggers]) => `  ${arrow}: ${triggers.join(' / ')}`);
  return ['stateDiagram-v2', ...lines, '  expired --> [*]', ''].join('\n');
}

/** The README with the diagram as it should be. */
export function drawnReadme(readme = readFileSync(README, 'utf8')): { readme: string; drawn: string } {
  if (!DRAWING.test(readme)) throw new Error('the README has no place for the state diagram');
  return { readme, drawn: readme.replace(DRAWING, `\`\`\`mermaid\n${stateDiagram()}\`\`\``) };
}

if (import.meta.main) writeFileSync(README, drawnReadme().drawn);
