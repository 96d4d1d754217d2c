import { Button, Group, Text } from '@mantine/core';
import { TriangleAlert } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useFormat } from '../format.ts';
import classes from './attention.module.css';
import { missingOf, type Subscription, topUpPath } from './subscription-text.ts';

/** A subscription that waits for money: how much, until when, and the way to it. */
export function Attention({ subscription }: { subscription: Subscription }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const missing = missingOf(subscription);
  if (!missing) return null;
  const { planName: plan, status, graceEndsAt } = subscription;
  const amount = format.money(missing);
  return (
    <section className={classes.attention} aria-label={plan}>
      <TriangleAlert size={22} strokeWidth={1.75} aria-hidden className={classes.icon} />
      <div className={classes.text}>
        <Text fw={620}>{t(status === 'incomplete' ? 'attention.start' : 'attention.renewal', { plan })}</Text>
        <Text size="sm">
          {graceEndsAt
            ? t('attention.missingBy', { missing: amount, date: format.date(graceEndsAt) })
            : t('attention.missing', { missing: amount })}{' '}
          {t('attention.itContinues')}
        </Text>
      </div>
      <Group>
        <Button component={Link} to={topUpPath(missing)}>
          {t('attention.topUp', { missing: amount })}
        </Button>
      </Group>
    </section>
  );
}
