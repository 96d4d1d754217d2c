import type { RouteObject } from 'react-router';

/** Pages that customers reach. */
export const customerRoutes: RouteObject[] = [
  { index: true, lazy: async () => ({ Component: (await import('./home.tsx')).Home }) },
];
