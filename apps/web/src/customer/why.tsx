import type { schemas } from '@evergreen/client/generated/api.ts';
import { Anchor, Code, Drawer, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useApiQuery } from '../api.ts';
import { Amount } from '../components/amount.tsx';
import { Facts } from '../components/facts.tsx';
import { Problem } from '../components/problem.tsx';
import rows from '../components/rows.module.css';
import { useFormat } from '../format.ts';
import { useMovementText } from './movement-text.ts';
import type { Transaction } from './statement.tsx';

type Explanation = schemas['Explanation'];

interface Props {
  /** The line that is asked about; closed without one. */
  transaction: Transaction | undefined;
  onClose: () => void;
}

/** Why a line of the statement is there. */
export function Why({ transaction, onClose }: Props) {
  const { t } = useTranslation('customer');
  const { t: tShell } = useTranslation();
  return (
    <Drawer
      opened={transaction !== undefined}
      onClose={onClose}
      position="right"
      size="md"
      title={<Text fw={620}>{t('why.title')}</Text>}
      closeButtonProps={{ 'aria-label': tShell('action.close') }}
    >
      {transaction ? <Story transaction={transaction} /> : null}
    </Drawer>
  );
}

function Story({ transaction }: { transaction: Transaction }) {
  const { t, i18n } = useTranslation('customer');
  const movementText = useMovementText();
  const { id, amount, currency } = transaction;
  const query = useApiQuery(['wallet', 'explanation', id], (api) =>
    api.GET('/v1/wallet/transactions/{id}/explanation', { params: { path: { id } } }),
  );
  const explanation = query.data;
  return (
    <Stack gap="lg">
      <div>
        <Text c="dimmed">{movementText(transaction).name}</Text>
        <Text fz={28} fw={620} lts="-0.02em">
          <Amount value={{ amount, currency }} signed />
        </Text>
      </div>
      <Problem error={query.error} onRetry={() => void query.refetch()} />
      {query.isPending ? <Skeleton h={200} /> : null}
      {explanation ? (
        <>
          {i18n.resolvedLanguage === 'en' ? <Sentences explanation={explanation} /> : null}
          <StoryFacts explanation={explanation} />
          <Attempts explanation={explanation} />
          {i18n.resolvedLanguage === 'en' ? null : (
            <details>
              <summary>{t('why.originalText')}</summary>
              <Sentences explanation={explanation} />
            </details>
          )}
        </>
      ) : null}
    </Stack>
  );
}

/** The server's own words, which are English. */
function Sentences({ explanation }: { explanation: Explanation }) {
  return (
    <Stack gap="xs" lang="en" mt="xs">
      {explanation.sentences.map((sentence) => (
        <Text key={sentence} size="sm" style={{ overflowWrap: 'anywhere' }}>
          {sentence}
        </Text>
      ))}
    </Stack>
  );
}

function StoryFacts({ explanation }: { explanation: Explanation }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const { balance, trigger, charge, transaction } = explanation;
  const { currency } = balance;
  const money = (amount: number) => format.money({ amount, currency });
  return (
    <Facts
      items={[
        [
          t('why.balance'),
          <span key="balance" className="num">{`${money(balance.before)} → ${money(balance.after)}`}</span>,
        ],
        [t('why.askedAt'), format.dateTime(trigger.at)],
        [t('why.creditedAt'), format.dateTime(transaction.createdAt)],
        [t('why.period'), charge ? format.dates(charge.period) : null],
        [t('why.refunded'), charge && charge.refunded > 0 ? money(charge.refunded) : null],
        [
          t('statement.what'),
          charge ? (
            <Anchor key="subscription" component={Link} to={`/subscriptions/${charge.subscriptionId}`} size="sm">
              {t('why.subscription')}
            </Anchor>
          ) : null,
        ],
        [
          t('why.reference'),
          <Code key="reference" style={{ overflowWrap: 'anywhere' }}>
            {trigger.correlationId}
          </Code>,
        ],
      ]}
    />
  );
}

const OUTCOMES = [
  'succeeded',
  'declined',
  'not_found',
  'timeout',
  'connection_lost',
  'interrupted',
  'breaker_open',
  'bulkhead_full',
] as const;

function Attempts({ explanation: { attempts } }: { explanation: Explanation }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  if (attempts.length === 0) return null;
  const outcomeText = (outcome: string): string => {
    const known = OUTCOMES.find((one) => one === outcome);
    return known ? t(`outcome.${known}`) : t('outcome.http', { status: outcome.replace('http_', '') });
  };
  return (
    <div>
      <Title order={3} size="h5" mb="xs">
        {t('why.attempts')}
      </Title>
      <ul className={rows.rows}>
        {attempts.map(({ at, operation, outcome, durationMs }) => (
          <li key={`${at} ${operation} ${outcome} ${durationMs}`} className={rows.row}>
            <div className={rows.main}>
              <Text size="sm">
                {t(`operation.${operation}`)}: {outcomeText(outcome)}
              </Text>
              <Text size="xs" c="dimmed">
                {format.dateTime(at)}
              </Text>
            </div>
            <Text size="sm" c="dimmed" className="num">
              {format.milliseconds(durationMs)}
            </Text>
          </li>
        ))}
      </ul>
    </div>
  );
}
