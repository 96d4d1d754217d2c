import { Clock, Gauge, Landmark, Layers, MailWarning, RefreshCw, UsersRound, Waypoints } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Destination } from '../layout/navigation.tsx';

/** What operators see in the navigation. */
export function useOperatorDestinations(): Destination[] {
  const { t } = useTranslation();
  return [
    { to: '/operator', label: t('nav.overview'), icon: Gauge, exact: true },
    { to: '/operator/people', label: t('nav.people'), icon: UsersRound },
    { to: '/operator/subscriptions', label: t('nav.subscriptions'), icon: RefreshCw },
    { to: '/operator/plans', label: t('nav.plans'), icon: Layers },
    { to: '/operator/gateway', label: t('nav.gateway'), icon: Landmark },
    { to: '/operator/clock', label: t('nav.clock'), icon: Clock },
    { to: '/operator/dead-letters', label: t('nav.deadLetters'), icon: MailWarning },
    { to: '/operator/flow', label: t('nav.flow'), icon: Waypoints },
  ];
}
