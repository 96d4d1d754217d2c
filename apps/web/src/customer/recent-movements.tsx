import { Skeleton, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Amount } from '../components/amount.tsx';
import { Problem } from '../components/problem.tsx';
import rows from '../components/rows.module.css';
import { useFormat } from '../format.ts';
import { useMovementText } from './movement-text.ts';
import { useRecentMovements } from './queries.ts';

export function RecentMovements() {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const movementText = useMovementText();
  const recent = useRecentMovements();
  if (recent.error) return <Problem error={recent.error} onRetry={() => void recent.refetch()} />;
  if (!recent.data) {
    return (
      <Stack gap="sm">
        <Skeleton h={40} />
        <Skeleton h={40} />
      </Stack>
    );
  }
  if (recent.data.data.length === 0) return <Text c="dimmed">{t('home.nothingRecent')}</Text>;
  return (
    <ul className={rows.rows}>
      {recent.data.data.map((movement) => {
        const { id, amount, currency, createdAt } = movement;
        const { name, detail } = movementText(movement);
        return (
          <li key={id} className={rows.row}>
            <div className={rows.main}>
              <div className={rows.name}>{name}</div>
              <Text size="sm" c="dimmed">
                {[format.dateTime(createdAt), detail].filter(Boolean).join(' · ')}
              </Text>
            </div>
            <Amount value={{ amount, currency }} signed />
          </li>
        );
      })}
    </ul>
  );
}
