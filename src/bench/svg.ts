// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The page that charts are drawn on: an SVG file that stands alone and follows a light or a dark page.

/** Of a light and a dark page, by the class of what is filled with it. */
export type Colours = Record<string, [light: string, dark: string]>;

export function svgPage(width: number, height: number, label: string, colours: Colours, body: string[]): string {
  const fills = (theme: 0 | 1) => Object.entries(colours).map(([name, both]) => `.${name}{fill:${both[theme]}}`).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
<style>text{font:12px system-ui,sans-serif;fill:#1d2129}.small{font-size:10px}.quiet,.small{fill:#646b78}line{stroke:#e3e5ea}.page{fill:#fff}${fills(0)}
@media (prefers-color-scheme:dark){text{fill:#e8eaee}.quiet,.small{fill:#9aa3b2}line{stroke:#30343d}.page{fill:#14161a}${fills(1)}}</style>
<rect class="page" width="${width}" height="${height}"/>
${body.join('\n')}
</svg>
`;
}
