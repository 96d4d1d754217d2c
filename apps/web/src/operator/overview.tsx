import { useTranslation } from 'react-i18next';
import { Page } from '../components/page.tsx';

export function Overview() {
  const { t } = useTranslation('operator');
  return <Page title={t('overview.title')}>{null}</Page>;
}
