// What the helpers of several adapters for one library have in common. For adapters alone.
export { checkKnexConfig, knexMax, rotatingKnexConfig } from './knex.ts'
export type { KnexConfig, KnexRotation, RotatingKnexConfig } from './knex.ts'
export type { Dialects } from './options.ts'
export { checkSequelizeOptions, sequelizeMax } from './sequelize.ts'
export type { SequelizeOptions, SequelizeRotation } from './sequelize.ts'
