import { CreditCard, House, Layers, ReceiptText, UserRound } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Destination } from '../layout/navigation.tsx';

/** What customers see in the navigation. */
export function useCustomerDestinations(): Destination[] {
  const { t } = useTranslation();
  return [
    { to: '/', label: t('nav.home'), icon: House, exact: true },
    { to: '/plans', label: t('nav.plans'), icon: Layers },
    { to: '/statement', label: t('nav.statement'), icon: ReceiptText },
    { to: '/payment', label: t('nav.payment'), icon: CreditCard },
    { to: '/profile', label: t('nav.profile'), icon: UserRound },
  ];
}
