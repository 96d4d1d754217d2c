import { Gauge } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Destination } from '../layout/navigation.tsx';

/** What operators see in the navigation. */
export function useOperatorDestinations(): Destination[] {
  const { t } = useTranslation();
  return [{ to: '/operator', label: t('nav.overview'), icon: Gauge, exact: true }];
}
