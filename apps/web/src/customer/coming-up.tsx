import { Anchor, Skeleton, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { Amount } from '../components/amount.tsx';
import rows from '../components/rows.module.css';
import { Section } from '../components/section.tsx';
import { type Money, useFormat } from '../format.ts';
import { useAutoTopUps, useWallet } from './queries.ts';
import { shortfallsOf } from './shortfalls.ts';
import { type Subscription, topUpPath } from './subscription-text.ts';

const MAX_SHOWN = 4;

/** The next renewal of each subscription, soonest first. */
export function ComingUp({ subscriptions }: { subscriptions: readonly Subscription[] | undefined }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const next = subscriptions
    ?.flatMap((one) => (one.nextRenewalAt ? [{ ...one, at: one.nextRenewalAt }] : []))
    .sort((one, other) => one.at.localeCompare(other.at))
    .slice(0, MAX_SHOWN)
    .map((one) => ({ ...one, due: one.change?.price ?? one.price }));
  return (
    <Section title={t('home.next')}>
      {next ? null : <Skeleton h={44} />}
      {next?.length === 0 ? <Text c="dimmed">{t('home.nothingNext')}</Text> : null}
      {next && next.length > 0 ? (
        <ul className={rows.rows}>
          {next.map(({ id, planName, at, due, change }) => (
            <li key={id} className={rows.row}>
              <div className={rows.main}>
                <div className={rows.name}>{change?.planName ?? planName}</div>
                <Text size="sm" c="dimmed">
                  {format.date(at)}
                </Text>
              </div>
              <Amount value={due} />
            </li>
          ))}
        </ul>
      ) : null}
      <Shortfalls due={next?.map(({ due }) => due) ?? []} />
    </Section>
  );
}

/** Warns in time that the balance will not do, and leads to a top-up of just what is missing. */
function Shortfalls({ due }: { due: readonly Money[] }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const wallet = useWallet();
  const autoTopUps = useAutoTopUps();
  // Without knowing better, nobody is alarmed.
  if (!wallet.data || !autoTopUps.data) return null;
  const refilled = autoTopUps.data.data.filter(({ enabled }) => enabled).map(({ currency }) => currency);
  return shortfallsOf({ due, balances: wallet.data.balances, refilled }).map((missing) => (
    <Text key={missing.currency} size="sm">
      {t('home.short', { missing: format.money(missing) })}{' '}
      <Anchor component={Link} to={topUpPath(missing)} underline="always" inherit>
        {t('attention.topUp', { missing: format.money(missing) })}
      </Anchor>
    </Text>
  ));
}
