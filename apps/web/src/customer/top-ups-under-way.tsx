import { Anchor, Loader, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useApiQuery } from '../api.ts';
import { useFormat } from '../format.ts';
import classes from './top-up-state.module.css';

const POLL_MS = 4_000;

/** Top-ups whose outcome is still being found out. */
export function TopUpsUnderWay() {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const topUps = useApiQuery(
    ['wallet', 'top-ups', 'recent'],
    (api) => api.GET('/v1/wallet/top-ups', { params: { query: { limit: 10 } } }),
    {
      refetchInterval: ({ state }) =>
        state.data?.data.some(({ status }) => status === 'processing') ? POLL_MS : false,
    },
  );
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
