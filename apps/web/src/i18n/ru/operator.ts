import type { Russian } from '../dictionary.ts';
import type english from '../en/operator.ts';

export default {
  'overview.title': 'Обзор',
} satisfies Russian<typeof english>;
