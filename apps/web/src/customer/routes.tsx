import type { RouteObject } from 'react-router';

/** Pages that customers reach. */
export const customerRoutes: RouteObject[] = [
  { index: true, lazy: async () => ({ Component: (await import('./home.tsx')).Home }) },
  { path: 'top-up', lazy: async () => ({ Component: (await import('./top-up.tsx')).TopUp }) },
  { path: 'top-ups/:id', lazy: async () => ({ Component: (await import('./top-up-state.tsx')).TopUpState }) },
  { path: 'plans', lazy: async () => ({ Component: (await import('./plans.tsx')).Plans }) },
  {
    path: 'subscriptions/:id',
    lazy: async () => ({ Component: (await import('./subscription.tsx')).SubscriptionPage }),
  },
  { path: 'statement', lazy: async () => ({ Component: (await import('./statement.tsx')).Statement }) },
  { path: 'payment', lazy: async () => ({ Component: (await import('./payment.tsx')).Payment }) },
];
