import type { LucideIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { NavLink } from 'react-router';
import { useCustomerDestinations } from '../customer/destinations.ts';
import { useOperatorDestinations } from '../operator/destinations.ts';
import { useSignedIn } from '../session.tsx';
import classes from './navigation.module.css';

export interface Destination {
  to: string;
  label: string;
  icon: LucideIcon;
  /** Is it open on its own path alone, and not on those below it? */
  exact?: boolean;
}

/** Where this person can go: operators and customers have different places. */
export function useDestinations(): Destination[] {
  const { user } = useSignedIn();
  const customer = useCustomerDestinations();
  const operator = useOperatorDestinations();
  return user.role === 'operator' ? operator : customer;
}

interface Props {
  destinations: Destination[];
}

export function SideNavigation({ destinations, onGo }: Props & { onGo: () => void }) {
  const { t } = useTranslation();
  return (
    <nav aria-label={t('nav.main')} className={classes.side}>
      {destinations.map(({ to, label, icon: Icon, exact = false }) => (
        <NavLink key={to} to={to} end={exact} className={classes.sideLink ?? ''} onClick={onGo}>
          <Icon size={18} strokeWidth={1.75} aria-hidden />
          {label}
        </NavLink>
      ))}
    </nav>
  );
}

/** On a phone: all places within reach of a thumb. */
export function TabBar({ destinations }: Props) {
  const { t } = useTranslation();
  return (
    <nav aria-label={t('nav.main')} className={classes.tabs}>
      {destinations.map(({ to, label, icon: Icon, exact = false }) => (
        <NavLink key={to} to={to} end={exact} className={classes.tab ?? ''}>
          <Icon size={20} strokeWidth={1.75} aria-hidden />
          <span>{label}</span>
        </NavLink>
      ))}
    </nav>
  );
}
