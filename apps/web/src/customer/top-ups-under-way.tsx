import { Anchor, Loader, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useFormat } from '../format.ts';
import { useRecentTopUps } from './queries.ts';
import classes from './top-up-state.module.css';

/** Top-ups whose outcome is still being found out. */
export function TopUpsUnderWay() {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const topUps = useRecentTopUps();
  const underWay = topUps.data?.data.filter(({ status }) => status === 'processing') ?? [];
  if (underWay.length === 0) return null;
  return (
    <section className={classes.underWay} aria-label={t('home.processing')}>
      {underWay.map((topUp) => (
        <div key={topUp.id} className={classes.underWayRow}>
          <Loader size={16} aria-hidden />
          <Text size="sm">
            <Anchor component={Link} to={`/top-ups/${topUp.id}`} inherit>
              {t('topUpState.title', { amount: format.money(topUp) })}
            </Anchor>
            {' · '}
            {t('topUpState.processing')}
          </Text>
        </div>
      ))}
    </section>
  );
}
