import { Badge, Button, Group, ScrollArea, Text } from '@mantine/core';
import { Eraser, Pause, Play, Waypoints } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Empty } from '../components/empty.tsx';
import { Page } from '../components/page.tsx';
import classes from './flow.module.css';
import { FlowDiagram } from './flow-diagram.tsx';
import { eventName, serviceOf } from './flow-layout.ts';
import { Section } from './section.tsx';
import { type Heard, useFlow } from './use-flow.ts';

/** The events of the system as they go from service to service. */
export function Flow() {
  const { t } = useTranslation('operator');
  const [isPaused, setPaused] = useState(false);
  const flow = useFlow(isPaused);
  return (
    <Page
      title={t('flow.title')}
      intro={t('flow.intro')}
      actions={
        <>
          <Badge variant="dot" tt="none" size="lg" color={flow.connection === 'watching' ? 'green' : 'orange'}>
            {t(`flow.${flow.connection}`)}
          </Badge>
          <Button
            variant="default"
            leftSection={isPaused ? <Play size={16} /> : <Pause size={16} />}
            onClick={() => setPaused(!isPaused)}
          >
            {isPaused ? t('flow.resume', { count: flow.waiting }) : t('flow.pause')}
          </Button>
          <Button variant="default" leftSection={<Eraser size={16} />} onClick={flow.clear}>
            {t('flow.clear')}
          </Button>
        </>
      }
    >
      <Section title={t('flow.map')} intro={t('flow.mapIntro')}>
        <FlowDiagram events={flow.events} />
      </Section>
      <Section
        title={t('flow.list')}
        intro={flow.leftOut > 0 ? t('flow.leftOut', { count: flow.leftOut }) : t('flow.listIntro')}
        flush
      >
        {flow.events.length === 0 ? (
          <Empty icon={Waypoints} title={t('flow.none')} text={t('flow.noneText')} />
        ) : (
          <ScrollArea.Autosize mah={520} viewportProps={{ tabIndex: 0, 'aria-label': t('flow.listIntro') }}>
            <ol className={classes.list} aria-label={t('flow.list')}>
              {flow.events.map((event) => (
                <Row key={event.key} event={event} />
              ))}
            </ol>
          </ScrollArea.Autosize>
        )}
      </Section>
    </Page>
  );
}

function Row({ event }: { event: Heard }) {
  const { t } = useTranslation('operator');
  const to = event.kind === 'published' ? event.consumers : [event.queue ?? ''];
  return (
    <li className={classes.row} data-kind={event.kind}>
      <span className={classes.mark} aria-hidden />
      <div className={classes.name}>
        <Text size="sm" fw={550} truncate>
          {eventName(event.type)}
        </Text>
        <Text size="xs" c="dimmed" className="num">
          …{event.subject.slice(-8)}
        </Text>
      </div>
      <Text size="sm" c="dimmed" className={classes.path ?? ''}>
        {serviceOf(event.source)} → {to.join(', ') || t('flow.nobody')}
      </Text>
      <Group gap={6} wrap="nowrap" justify="flex-end">
        {event.kind === 'published' ? null : (
          <Badge variant="light" tt="none" radius="sm" color={event.kind === 'dead' ? 'red' : 'orange'}>
            {event.kind === 'dead' ? t('flow.dead') : t('flow.retried', { count: event.attempt ?? 1 })}
          </Badge>
        )}
      </Group>
    </li>
  );
}
