import 'i18next';
import type customer from './en/customer.ts';
import type operator from './en/operator.ts';
import type shell from './en/shell.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'shell';
    keySeparator: false;
    resources: { shell: typeof shell; customer: typeof customer; operator: typeof operator };
  }
}
