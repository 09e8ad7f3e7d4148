// The syntax of .lvm files. Names, shapes and types are checked later, by frontend/analysis.
//
// Every decision is LL(1): the first wrong token is where the error is, and what was expected there is exact. The rules that look
// loose (arguments, clauses in any order) are so for this reason; frontend/parse/build.cpp checks the rest.
// The driver in frontend/parse/parse.cpp calls `header` and `declaration` itself, so that one bad declaration does not hide the others.
grammar Lvm;

file : header declaration* RBRACE EOF ;

header : MODEL name LBRACE ;

declaration
  : axisDeclaration
  | constDeclaration
  | dataDeclaration
  | weightDeclaration
  | plateDeclaration
  | sequenceDeclaration
  | paramDeclaration
  | latentDeclaration
  | letDeclaration
  | netDeclaration
  | probabilityDeclaration
  | posteriorDeclaration
  | fitDeclaration
  ;

axisDeclaration : AXIS axisItem (COMMA axisItem)* ;
axisItem : name ASSIGN (NUMBER | size=name) ;

constDeclaration : CONST name COLON type ASSIGN expression ;

dataDeclaration : (DATA | GIVEN) name COLON type dataClause* ;
dataClause
  : ASSIGN expression
  | MISSING
  | PER name
  ;

weightDeclaration : WEIGHT name (ASSIGN expression)? ;

plateDeclaration : PLATE name ASSIGN BY LPAREN STRING (COMMA STRING)* RPAREN ;

sequenceDeclaration : SEQUENCE name (BY STRING (COMMA STRING)*)? (ORDER order=STRING)? ;

paramDeclaration : PARAM name COLON type paramClause* ;
paramClause
  : TILDE call
  | ASSIGN expression (FIXED | INIT)?
  | MASK expression
  ;

latentDeclaration : LATENT name COLON type latentClause* ;
latentClause
  : PER name
  | GLOBAL
  ;

letDeclaration : LET name ASSIGN expression ;

netDeclaration : NET name LPAREN (netParameter (COMMA netParameter)*)? RPAREN ARROW netOutput LBRACE netStatement* RBRACE ;
netParameter : name COLON type ;
netOutput
  : LPAREN netParameter (COMMA netParameter)* RPAREN
  | type
  ;
// `return` may also be the name of a variable: `return = …` assigns to it.
netStatement
  : RETURN (ASSIGN expression | expression)
  | target=assignable ASSIGN expression
  ;

probabilityDeclaration : PROBABILITY signature ASSIGN call ;
posteriorDeclaration : POSTERIOR signature ASSIGN posteriorValue ;
posteriorValue
  : EXACT
  | POINT
  | AUTO
  | posteriorTerm (STAR posteriorTerm)*
  | distribution=plainName arguments
  ;
posteriorTerm : POSTERIOR signature ;

signature : LPAREN left=variables (BAR parents=variables)? RPAREN ;
variables : variable (COMMA variable)* ;
variable : name (LBRACKET index=name (sign=(PLUS | MINUS) NUMBER)? RBRACKET)? ;

fitDeclaration : FIT LBRACE (fitSetting COMMA?)* RBRACE ;
fitSetting : name ASSIGN expression ;

type : name (LBRACKET typeAxis (COMMA typeAxis)* RBRACKET)? ;
typeAxis : name | NUMBER ;

// Chains are lists, not nested nodes: only brackets, `^` and prefix minus make the parser recurse.
expression : product ((PLUS | MINUS) product)* ;
product : unary ((STAR | SLASH | DOT_STAR) unary)* ;
unary
  : MINUS unary
  | power
  ;
power : postfix (CARET unary)? ;
postfix : primary suffix* ;
suffix
  : LBRACKET expression (COMMA expression)* RBRACKET
  | DOT name
  | PRIME
  ;
primary
  : NUMBER
  | STRING
  | name arguments?
  | LPAREN expression RPAREN
  | LBRACKET expression (COMMA expression)* RBRACKET
  ;

call : name arguments ;
arguments : LPAREN (argument (COMMA argument)*)? RPAREN ;
// `sd: 1`, `threshold: 0.5`, `"x1".."x9"`, `0..255`: what stands before `:` must be a plain name.
argument : expression (COLON range | RANGE expression)? ;
range : expression (RANGE expression)? ;

// Keywords are contextual: every one may also be a name.
name : assignable | RETURN ;
assignable : plainName | EXACT | POINT | AUTO | POSTERIOR ;
plainName
  : ID | MODEL | AXIS | CONST | DATA | GIVEN | WEIGHT | PLATE | SEQUENCE | PARAM | LATENT | LET | NET | FIT | PROBABILITY
  | MISSING | PER | BY | ORDER | FIXED | INIT | MASK | GLOBAL
  ;

MODEL : 'model' ;
AXIS : 'axis' ;
CONST : 'const' ;
DATA : 'data' ;
GIVEN : 'given' ;
WEIGHT : 'weight' ;
PLATE : 'plate' ;
SEQUENCE : 'sequence' ;
PARAM : 'param' ;
LATENT : 'latent' ;
LET : 'let' ;
NET : 'net' ;
FIT : 'fit' ;
PROBABILITY : 'P' ;
POSTERIOR : 'q' ;
MISSING : 'missing' ;
PER : 'per' ;
BY : 'by' ;
ORDER : 'order' ;
FIXED : 'fixed' ;
INIT : 'init' ;
MASK : 'mask' ;
GLOBAL : 'global' ;
RETURN : 'return' ;
EXACT : 'exact' ;
POINT : 'point' ;
AUTO : 'auto' ;

LBRACE : '{' ;
RBRACE : '}' ;
LPAREN : '(' ;
RPAREN : ')' ;
LBRACKET : '[' ;
RBRACKET : ']' ;
COMMA : ',' ;
COLON : ':' ;
ASSIGN : '=' ;
TILDE : '~' ;
BAR : '|' ;
ARROW : '->' ;
PLUS : '+' ;
MINUS : '-' ;
STAR : '*' ;
SLASH : '/' ;
DOT_STAR : '.*' ;
CARET : '^' ;
RANGE : '..' ;
DOT : '.' ;
PRIME : '\'' ;

ID : [\p{Alpha}_] [\p{Alnum}_]* ;
NUMBER : [0-9]+ ('.' [0-9]+)? ([eE] [+-]? [0-9]+)? ;
STRING : '"' (~["\\\r\n] | '\\' ~[\r\n])* '"' ;

COMMENT : '#' ~[\r\n]* -> skip ;
SPACE : [ \t\r\n]+ -> skip ;

// Seen by the lexical checks only, which report them; the parser passes over STRAY.
UNCLOSED_STRING : '"' (~["\\\r\n] | '\\' ~[\r\n])* ;
STRAY : . -> channel(HIDDEN) ;
