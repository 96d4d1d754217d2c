import { useTranslation } from 'react-i18next';
import { useFormat } from '../format.ts';

/** As the wallet describes the charge of a period: Monthly, 2026-11-23 to 2026-12-23. */
const OF_PERIOD = /^(?<plan>.+), (?<start>\d{4}-\d\d-\d\d) to (?<end>\d{4}-\d\d-\d\d)$/;

interface Movement {
  kind: 'top_up' | 'charge' | 'refund' | 'adjustment';
  description: string;
}

/** What a line of the statement is, in the reader's language where it has no words of its own: a name, and what it is for. */
export function useMovementText(): (movement: Movement) => { name: string; detail: string | undefined } {
  const { t } = useTranslation('customer');
  const format = useFormat();
  return ({ kind, description }) => {
    if (kind === 'top_up') return { name: t('kind.top_up'), detail: undefined };
    const { plan, start, end } = OF_PERIOD.exec(description)?.groups ?? {};
    if (plan && start && end) return { name: plan, detail: format.days({ start, end }) };
    return { name: description, detail: t(`kind.${kind}`) };
  };
}
