import type { Russian } from '../dictionary.ts';
import type english from '../en/customer.ts';

export default {
  'home.title': 'Главная',
} satisfies Russian<typeof english>;
