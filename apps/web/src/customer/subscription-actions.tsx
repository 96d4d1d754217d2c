import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { useProblemToast } from '../components/problem.tsx';
import { CancelDialog } from './cancel-dialog.tsx';
import { ChangePlanDialog } from './change-plan-dialog.tsx';
import { PauseDialog } from './pause-dialog.tsx';
import type { Subscription } from './subscription-text.ts';

type Dialog = 'cancel' | 'pause' | 'change';

/** What can be done with a subscription now. The server has the last word; it refuses what is not possible after all. */
export function SubscriptionActions({ subscription }: { subscription: Subscription }) {
  const { t } = useTranslation('customer');
  const showProblem = useProblemToast();
  const [dialog, setDialog] = useState<Dialog>();
  const { id, status, change, planId, planName } = subscription;
  const byId = { params: { path: { id } } };
  const resume = useApiMutation((api) => api.POST('/v1/subscriptions/{id}/resume', byId), {
    invalidates: ['subscriptions', 'wallet'],
  });
  const keepPlan = useApiMutation(
    (api) => api.POST('/v1/subscriptions/{id}/change-plan', { ...byId, body: { planId } }),
    { invalidates: ['subscriptions'] },
  );
  const close = () => setDialog(undefined);
  const canResume = status === 'paused' || status === 'canceled';
  const canCancel = status !== 'expired' && status !== 'canceled';
  const canPause = ['trialing', 'active', 'pending_renewal'].includes(status);
  const canChange = ['incomplete', 'trialing', 'active'].includes(status);
  return (
    <>
      {canResume ? (
        <Button loading={resume.isPending} onClick={() => resume.mutate(undefined, { onError: showProblem })}>
          {t('action.resume')}
        </Button>
      ) : null}
      {change?.at ? (
        <Button
          variant="default"
          loading={keepPlan.isPending}
          onClick={() => keepPlan.mutate(undefined, { onError: showProblem })}
        >
          {t('action.dropChange', { plan: planName })}
        </Button>
      ) : null}
      {canChange ? (
        <Button variant="default" onClick={() => setDialog('change')}>
          {t('action.changePlan')}
        </Button>
      ) : null}
      {canPause ? (
        <Button variant="default" onClick={() => setDialog('pause')}>
          {t('action.pause')}
        </Button>
      ) : null}
      {canCancel ? (
        <Button variant="default" onClick={() => setDialog('cancel')}>
          {t('action.cancel')}
        </Button>
      ) : null}
      <CancelDialog subscription={subscription} opened={dialog === 'cancel'} onClose={close} />
      <PauseDialog subscription={subscription} opened={dialog === 'pause'} onClose={close} />
      <ChangePlanDialog subscription={subscription} opened={dialog === 'change'} onClose={close} />
    </>
  );
}
