import { ScrollArea } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './flow.module.css';
import { boxOfQueue, boxOfService, curve, HEIGHT, QUEUES, SERVICES, serviceOf, WIDTH } from './flow-layout.ts';
import type { Heard } from './use-flow.ts';

/** For so long an event is bright on its way. */
const GLOW_MS = 2_500;
const TICK_MS = 500;

interface Way {
  key: string;
  path: string;
  count: number;
  isLive: boolean;
}

/** Publishers at the left, queues at the right, and between them the ways that events went, the latest ones bright. */
export function FlowDiagram({ events }: { events: readonly Heard[] }) {
  const { t } = useTranslation('operator');
  const nowMs = useTick(events[0]?.atMs);
  const ways = waysOf(events, nowMs);
  return (
    <ScrollArea type="auto" viewportProps={{ tabIndex: 0, 'aria-label': t('flow.map') }}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={classes.map} role="img" aria-label={t('flow.mapLabel')}>
        <text x={1} y={16} className={classes.heading}>
          {t('flow.from')}
        </text>
        <text x={boxOfQueue(0).x} y={16} className={classes.heading}>
          {t('flow.to')}
        </text>
        <text x={WIDTH - 100} y={16} className={classes.heading}>
          {t('flow.setAside')}
        </text>
        {ways.map(({ key, path, count, isLive }) => (
          <path
            key={key}
            d={path}
            className={classes.way}
            data-live={isLive}
            strokeWidth={1.25 + Math.min(1.75, Math.log2(count) / 3)}
          />
        ))}
        {SERVICES.map((service, index) => {
          const { x, y, width, height } = boxOfService(index);
          return (
            <g key={service} className={classes.node}>
              <rect x={x} y={y} width={width} height={height} rx={8} />
              <text x={x + 14} y={y + 21}>
                {service}
              </text>
              <text x={x + width - 14} y={y + 21} textAnchor="end" className={classes.count}>
                {events.filter(({ source, kind }) => kind === 'published' && serviceOf(source) === service).length ||
                  ''}
              </text>
            </g>
          );
        })}
        {QUEUES.map((queue, index) => (
          <QueueNode key={queue} queue={queue} index={index} events={events} nowMs={nowMs} />
        ))}
      </svg>
    </ScrollArea>
  );
}

interface QueueNodeProps {
  queue: string;
  index: number;
  events: readonly Heard[];
  nowMs: number;
}

function QueueNode({ queue, index, events, nowMs }: QueueNodeProps) {
  const { t } = useTranslation('operator');
  const { x, y, width, height } = boxOfQueue(index);
  const aside = events.filter((event) => event.queue === queue);
  const retried = aside.filter(({ kind }) => kind === 'retried');
  const dead = aside.filter(({ kind }) => kind === 'dead');
  const isLive = (kind: readonly Heard[]) => kind.some(({ atMs }) => nowMs - atMs < GLOW_MS);
  return (
    <g className={classes.node}>
      <rect x={x} y={y} width={width} height={height} rx={8} />
      <text x={x + 14} y={y + 21}>
        {queue}
      </text>
      <text x={x + width - 14} y={y + 21} textAnchor="end" className={classes.count}>
        {events.filter(({ kind, consumers }) => kind === 'published' && consumers.includes(queue)).length || ''}
      </text>
      {retried.length > 0 ? (
        <g className={classes.retried} data-live={isLive(retried)}>
          <title>{t('flow.retriedHere', { count: retried.length })}</title>
          <rect x={x + width + 10} y={y + 4} width={34} height={24} rx={12} />
          <text x={x + width + 27} y={y + 20.5} textAnchor="middle">
            ↻{retried.length}
          </text>
        </g>
      ) : null}
      {dead.length > 0 ? (
        <g className={classes.dead} data-live={isLive(dead)}>
          <title>{t('flow.deadHere', { count: dead.length })}</title>
          <rect x={x + width + 50} y={y + 4} width={34} height={24} rx={12} />
          <text x={x + width + 67} y={y + 20.5} textAnchor="middle">
            ✕{dead.length}
          </text>
        </g>
      ) : null}
    </g>
  );
}

function waysOf(events: readonly Heard[], nowMs: number): Way[] {
  const ways = new Map<string, Way>();
  for (const { kind, source, consumers, atMs } of events) {
    if (kind !== 'published') continue;
    const from = SERVICES.indexOf(serviceOf(source));
    for (const consumer of consumers) {
      const to = QUEUES.indexOf(consumer);
      if (from < 0 || to < 0) continue;
      const key = `${from}-${to}`;
      const way = ways.get(key) ?? { key, path: curve(boxOfService(from), boxOfQueue(to)), count: 0, isLive: false };
      way.count++;
      way.isLive ||= nowMs - atMs < GLOW_MS;
      ways.set(key, way);
    }
  }
  return [...ways.values()].sort((one, other) => Number(one.isLive) - Number(other.isLive));
}

/** The time, for as long as something glows. */
function useTick(latestMs: number | undefined): number {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    if (latestMs === undefined) return;
    setNowMs(performance.now());
    const timer = setInterval(() => {
      setNowMs(performance.now());
      if (performance.now() - latestMs > GLOW_MS + TICK_MS) clearInterval(timer);
    }, TICK_MS);
    return () => clearInterval(timer);
  }, [latestMs]);
  return nowMs;
}
