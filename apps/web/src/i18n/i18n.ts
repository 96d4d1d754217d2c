import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

export const LANGUAGES = { en: 'English', ru: 'Русский' } as const;
export type Language = keyof typeof LANGUAGES;

/** Kept for visitors; an account has its own locale. */
const CHOICE = 'evergreen.language';
/** One file per language and area, each loaded when it is first needed. */
const dictionaries = import.meta.glob<{ default: Record<string, string> }>(['./en/*.ts', './ru/*.ts']);

export const isLanguage = (text: string): text is Language => text in LANGUAGES;

/** The language of a locale such as ru-RU, where we speak it. */
export function languageOf(locale: string): Language {
  const [language = ''] = locale.split('-');
  return isLanguage(language) ? language : 'en';
}

export function chooseLanguage(language: Language): Promise<unknown> {
  localStorage.setItem(CHOICE, language);
  return i18next.changeLanguage(language);
}

i18next.on('languageChanged', (language) => {
  document.documentElement.lang = language;
});

void i18next
  .use({
    type: 'backend' as const,
    read: async (language: string, area: string) => (await dictionaries[`./${language}/${area}.ts`]?.())?.default ?? {},
  })
  .use(initReactI18next)
  .init({
    lng: languageOf(localStorage.getItem(CHOICE) ?? navigator.language),
    supportedLngs: Object.keys(LANGUAGES),
    ns: ['shell'],
    defaultNS: 'shell',
    // Keys are whole words with points in them; nothing is nested.
    keySeparator: false,
    interpolation: { escapeValue: false },
  });
