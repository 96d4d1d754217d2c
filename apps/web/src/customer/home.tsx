import { useTranslation } from 'react-i18next';
import { Page } from '../components/page.tsx';

export function Home() {
  const { t } = useTranslation('customer');
  return <Page title={t('home.title')}>{null}</Page>;
}
