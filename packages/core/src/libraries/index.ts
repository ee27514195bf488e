// What the helpers of several adapters for one library have in common. For adapters alone.
export { checkKnexConfig, knexMax, rotatingKnexConfig } from './knex.ts'
export type { KnexConfig, KnexRotation, RotatingKnexConfig } from './knex.ts'
export { otherMikroOrm, ownDriverOptions, rotatingMikroOrmOptions } from './mikro-orm.ts'
export type { MikroOrmLogin, MikroOrmOptions, RotatingMikroOrmOptions } from './mikro-orm.ts'
export { onlyDialects, onlyObject } from './options.ts'
export type { Dialects } from './options.ts'
export { driverOf, otherDatabase } from './other-database.ts'
export { readSequelizeOptions } from './sequelize.ts'
export type {
  Sequelize7Options,
  Sequelize7Rotation,
  SequelizeNames,
  SequelizeOptions,
  SequelizeRotation,
} from './sequelize.ts'
