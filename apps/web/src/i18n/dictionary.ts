/** The words that are counted: those English has a singular of. */
type Counted<English> = { [K in keyof English]: K extends `${infer Word}_one` ? Word : never }[keyof English];

/**
 * The Russian of an English dictionary: every key of it, and for what is counted the two forms more that Russian has
 * (1 день, 2 дня, 5 дней). What is missing or too much fails the type check.
 */
export type Russian<English> = Record<keyof English, string> & Record<`${Counted<English>}_${'few' | 'many'}`, string>;
