import { Skeleton, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Amount } from '../components/amount.tsx';
import rows from '../components/rows.module.css';
import { Section } from '../components/section.tsx';
import { useFormat } from '../format.ts';
import type { Subscription } from './subscription-text.ts';

const MAX_SHOWN = 4;

/** The next renewal of each subscription, soonest first. */
export function ComingUp({ subscriptions }: { subscriptions: readonly Subscription[] | undefined }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const next = subscriptions
    ?.flatMap((one) => (one.nextRenewalAt ? [{ ...one, at: one.nextRenewalAt }] : []))
    .sort((one, other) => one.at.localeCompare(other.at))
    .slice(0, MAX_SHOWN);
  return (
    <Section title={t('home.next')}>
      {next ? null : <Skeleton h={44} />}
      {next?.length === 0 ? <Text c="dimmed">{t('home.nothingNext')}</Text> : null}
      {next && next.length > 0 ? (
        <ul className={rows.rows}>
          {next.map(({ id, planName, at, price, change }) => (
            <li key={id} className={rows.row}>
              <div className={rows.main}>
                <div className={rows.name}>{change?.planName ?? planName}</div>
                <Text size="sm" c="dimmed">
                  {format.date(at)}
                </Text>
              </div>
              <Amount value={change?.price ?? price} />
            </li>
          ))}
        </ul>
      ) : null}
    </Section>
  );
}
