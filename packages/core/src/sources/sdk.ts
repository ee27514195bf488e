import { RekeyError } from '../errors.ts'

/** Loads a store's client library when it is first needed. @throws `ERR_REKEY_SDK` with the line that installs it. */
export async function loadSdk<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new RekeyError(
      'ERR_REKEY_SDK',
      `${name} is not installed, or is not found from here. Run: npm install ${name}`,
      { option: name, given: 'nothing that is installed', allowed: `npm install ${name}`, cause },
    )
  }
}
