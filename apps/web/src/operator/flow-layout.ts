/** Where the services and their queues stand in the picture of the flow, in its own units. */

export const WIDTH = 980;
export const ROW = 46;
const TOP = 34;

export const SERVICES: readonly string[] = ['auth', 'subscriptions', 'wallet', 'gateway', 'notifier'];
/** Every queue that events go to, by the service that reads it. */
export const QUEUES: readonly string[] = [
  'subscriptions.payments',
  'wallet.charges',
  'wallet.payments',
  'wallet.clock',
  'notifier.inbox',
  'notifier.accounts',
  'notifier.clock',
  'notifier.sockets',
];

export const HEIGHT = TOP + QUEUES.length * ROW + 6;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const BOX_HEIGHT = 32;

export const boxOfService = (index: number): Box => ({
  x: 1,
  y: TOP + (index + 0.5) * ((QUEUES.length * ROW) / SERVICES.length) - BOX_HEIGHT / 2,
  width: 180,
  height: BOX_HEIGHT,
});

export const boxOfQueue = (index: number): Box => ({
  x: WIDTH - 340,
  y: TOP + index * ROW + (ROW - BOX_HEIGHT) / 2,
  width: 230,
  height: BOX_HEIGHT,
});

/** A curve from the right side of one box to the left side of another. */
export function curve(from: Box, to: Box): string {
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x, to.y + to.height / 2];
  const bend = (x2 - x1) / 2;
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}

/** wallet, of /evergreen/wallet. */
export const serviceOf = (source: string): string => source.split('/').at(-1) ?? source;

/** ChargeSucceeded, of evergreen.wallet.ChargeSucceeded.v1. */
export const eventName = (type: string): string => type.split('.').at(-2) ?? type;
