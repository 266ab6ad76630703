import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

/** The browser that npm installs is for Linux on x64. Elsewhere `CHROMIUM_PATH` names one. */
export const hasBrowser =
  process.env.CHROMIUM_PATH !== undefined || (process.platform === 'linux' && process.arch === 'x64')

/** Names other than this machine do not resolve: what the browser would fetch behind our back fails. */
const FLAGS = ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost', '--disable-gpu']

/** A headless Chromium from `@sparticuz/chromium`, unpacked into a folder of its own, which goes when it closes. */
export async function startBrowser(): Promise<{ browser: Browser; close(): Promise<void> }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cs-browser-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const { executablePath, env } = process.env.CHROMIUM_PATH
      ? { executablePath: process.env.CHROMIUM_PATH, env: {} }
      : await unpack(folder)
    // Chromium's sandbox refuses to run as root
    const args = process.getuid?.() === 0 ? [...FLAGS, '--no-sandbox'] : FLAGS
    const browser = await chromium.launch({ executablePath, args, env: { ...process.env, ...env } })
    const close = async () => {
      await browser.close()
      remove()
    }
    return { browser, close }
  } catch (error) {
    remove()
    throw error
  }
}

/**
 * Unpacks browser, fonts and the NSS libraries, in about 2 s. The package unpacks into the temporary folder under fixed
 * names and takes what is there already, be it half a file of another run; and it brings the libraries only to what
 * looks like a serverless function. So it is told that it runs in one, with a temporary folder of its own.
 */
async function unpack(folder: string): Promise<{ executablePath: string; env: Record<string, string> }> {
  const kept = Object.fromEntries(CHANGED.map((name) => [name, process.env[name]]))
  Object.assign(process.env, { TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs24.x' })
  try {
    const { default: packed } = await import('@sparticuz/chromium')
    const executablePath = await packed.executablePath()
    return {
      executablePath,
      env: { TMPDIR: folder, FONTCONFIG_FILE: fonts(folder), LD_LIBRARY_PATH: libraries(folder) },
    }
  } finally {
    for (const name of CHANGED) {
      if (kept[name] === undefined) delete process.env[name]
      else process.env[name] = kept[name]
    }
  }
}

const CHANGED = ['TMPDIR', 'AWS_LAMBDA_JS_RUNTIME', 'LD_LIBRARY_PATH', 'FONTCONFIG_PATH', 'HOME']

/** NSS as the package brings it; the machine need not have it. */
const libraries = (folder: string): string =>
  [process.env.LD_LIBRARY_PATH, path.join(folder, 'al2023', 'lib')].filter(Boolean).join(':')

function fonts(folder: string): string {
  const file = path.join(folder, 'fonts.conf')
  mkdirSync(path.join(folder, 'font-cache'))
  writeFileSync(
    file,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/font-cache</cachedir></fontconfig>`,
  )
  return file
}

/** Everything a page should not do: complain, break its policy, or talk to anybody else. */
export function watchPage(page: Page, origin: string): { complaints: string[]; foreign: string[] } {
  const seen = { complaints: [] as string[], foreign: [] as string[] }
  page.on('console', (message) => {
    // Chromium reports each answer of 400 and more as an error, also a page that says what was wrong
    if (message.type() !== 'log' && !/status of 4\d\d/.test(message.text()))
      seen.complaints.push(message.text())
  })
  page.on('pageerror', (error) => seen.complaints.push(String(error)))
  page.on('requestfailed', (request) =>
    seen.complaints.push(`${request.url()} ${request.failure()?.errorText}`),
  )
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) seen.foreign.push(request.url())
  })
  return seen
}
