// Light, dark, or as the device likes it. Kept in a cookie, so that the server writes it into the page.
export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const YEAR_S = 31_536_000;

export function currentTheme(): Theme {
  const set = document.documentElement.dataset['theme'];
  return THEMES.find((theme) => theme === set) ?? 'auto';
}

export function chooseTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR_S}; samesite=lax`;
}
