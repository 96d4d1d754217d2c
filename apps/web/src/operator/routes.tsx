import type { RouteObject } from 'react-router';

/** Pages under /operator, which only operators reach. */
export const operatorRoutes: RouteObject[] = [
  { index: true, lazy: async () => ({ Component: (await import('./overview.tsx')).Overview }) },
];
