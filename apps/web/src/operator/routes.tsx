import type { RouteObject } from 'react-router';

/** Pages under /operator, which only operators reach. */
export const operatorRoutes: RouteObject[] = [
  { index: true, lazy: async () => ({ Component: (await import('./overview.tsx')).Overview }) },
  { path: 'people', lazy: async () => ({ Component: (await import('./people.tsx')).People }) },
  { path: 'people/:id', lazy: async () => ({ Component: (await import('./person.tsx')).PersonPage }) },
  { path: 'subscriptions', lazy: async () => ({ Component: (await import('./subscriptions.tsx')).Subscriptions }) },
  {
    path: 'subscriptions/:id',
    lazy: async () => ({ Component: (await import('./subscription.tsx')).SubscriptionPage }),
  },
  { path: 'plans', lazy: async () => ({ Component: (await import('./plans.tsx')).Plans }) },
  { path: 'gateway', lazy: async () => ({ Component: (await import('./gateway.tsx')).Gateway }) },
  { path: 'clock', lazy: async () => ({ Component: (await import('./clock.tsx')).ClockPage }) },
  { path: 'dead-letters', lazy: async () => ({ Component: (await import('./dead-letters.tsx')).DeadLetters }) },
  { path: 'flow', lazy: async () => ({ Component: (await import('./flow.tsx')).Flow }) },
];
