import type { NotificationData } from '@mantine/notifications';
import type { Notification } from './live.tsx';

const COLORS = { payment_succeeded: 'green', charge_failed: 'red', expiry_notice: 'yellow' } as const;

export const colorOf = (type: Notification['type']): string => COLORS[type];

/** A new notification as it appears at the edge of the page; the same one never twice. */
export const toastOf = ({ id, type, title, body }: Notification): NotificationData => ({
  id,
  title,
  message: body,
  color: colorOf(type),
});
