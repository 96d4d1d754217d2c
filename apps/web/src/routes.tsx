import { createBrowserRouter } from 'react-router';
import { customerRoutes } from './customer/routes.tsx';
import { AppLayout } from './layout/app-layout.tsx';
import { NotFound, RouteFailure } from './layout/failures.tsx';
import { RequireRole, VisitorsOnly } from './layout/guards.tsx';
import { operatorRoutes } from './operator/routes.tsx';

/** Every page is a chunk of its own, loaded when somebody goes there. */
export const router = createBrowserRouter([
  {
    errorElement: <RouteFailure />,
    // While the code of the first page is on its way there is only the ground to see.
    hydrateFallbackElement: <div />,
    children: [
      {
        element: <VisitorsOnly />,
        children: [
          { path: 'sign-in', lazy: async () => ({ Component: (await import('./account/sign-in.tsx')).SignIn }) },
          { path: 'sign-up', lazy: async () => ({ Component: (await import('./account/sign-up.tsx')).SignUp }) },
        ],
      },
      {
        element: <AppLayout />,
        children: [
          {
            errorElement: <RouteFailure />,
            children: [
              { element: <RequireRole who="customer" />, children: customerRoutes },
              { path: 'operator', element: <RequireRole who="operator" />, children: operatorRoutes },
              { path: 'profile', lazy: async () => ({ Component: (await import('./account/profile.tsx')).Profile }) },
              { path: '*', element: <NotFound /> },
            ],
          },
        ],
      },
    ],
  },
]);
