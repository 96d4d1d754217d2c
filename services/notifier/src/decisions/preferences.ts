import type { NotificationPreferences, NotificationType } from '@evergreen/contracts/http/notifications.ts';

/** Who has chosen nothing hears everything. */
const EVERYTHING: NotificationPreferences = {
  payment_succeeded: { inbox: true, live: true },
  charge_failed: { inbox: true, live: true },
  expiry_notice: { inbox: true, live: true },
};

/** All preferences of a user, of whom only what was ever chosen is stored. */
export const withDefaults = (chosen: Partial<NotificationPreferences> | null): NotificationPreferences => ({
  ...EVERYTHING,
  ...chosen,
});

/** How far a notification goes. `muted`: nowhere; `quiet`: into the inbox and its count, but not onto open pages. */
export type Reach = 'muted' | 'quiet' | 'live';

export function reachOf(type: NotificationType, chosen: Partial<NotificationPreferences> | null): Reach {
  const { inbox, live } = withDefaults(chosen)[type];
  if (!inbox) return 'muted';
  return live ? 'live' : 'quiet';
}
