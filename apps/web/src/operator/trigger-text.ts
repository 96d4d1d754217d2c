import { useTranslation } from 'react-i18next';

/** As subscriptions names what makes one move. */
export const TRIGGERS = [
  ...(['subscribe', 'due', 'terms_due', 'notice', 'unanswered', 'paid', 'short', 'voided', 'grace_ended'] as const),
  ...(['incomplete_timeout', 'period_ended', 'cancel', 'cancel_now', 'resume', 'pause', 'extend'] as const),
  ...(['upgrade', 'switch_plan', 'schedule_change', 'drop_change'] as const),
] as const;

/** A trigger in words; one that is new here by its own name. */
export function useTriggerText(): (trigger: string) => string {
  const { t } = useTranslation('operator');
  return (trigger) => {
    const known = TRIGGERS.find((one) => one === trigger);
    return known ? t(`trigger.${known}`) : trigger.replaceAll('_', ' ');
  };
}
